"""Labels that disagree with the crops that look alike."""
