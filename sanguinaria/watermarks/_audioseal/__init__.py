"""AudioSeal's networks at any size, and the joint training of a generator and its detector."""
