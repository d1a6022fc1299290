"""What a classifier's file says of the crops of a run, beside what the detector and the models say."""
