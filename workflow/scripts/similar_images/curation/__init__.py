"""How to improve a catalogue: the audit, the review order, and the export."""
