"""Lists of images, as shops and spreadsheets write them: dialects, formats and columns."""
