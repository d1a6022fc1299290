"""The Suggestions page: labels that disagree with the crops that look alike."""
