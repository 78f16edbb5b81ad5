"""What a catalogue tells of itself: how good it is, what is wrong in it, what suits it."""
