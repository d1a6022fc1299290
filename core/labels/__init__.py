"""Labels of photos in any form, and what is made from labelled photos."""
