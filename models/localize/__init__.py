"""Where a photo is odd: a square that is a little brighter than its surroundings, found by its four sides."""
