"""What classifiers say of photos and boxes: several names with scores, read from the files of each program."""
