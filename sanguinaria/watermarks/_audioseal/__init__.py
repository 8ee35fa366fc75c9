"""AudioSeal's networks at any size, and the training of a generator and its detector."""
