"""Labels of photos in any format, and the data sets that are made from them."""
