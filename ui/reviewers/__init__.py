"""The Reviewers page."""
