"""Recording what a client exchanged, and answering from the recording."""
