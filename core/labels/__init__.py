"""Labels of photos, whatever their form, and what is made of labelled photos."""
