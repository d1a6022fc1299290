"""Tables of labels and places as spreadsheets and other tools write them: their columns, cells and rows."""
