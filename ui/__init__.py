"""Everything Streamlit that is reused by the pages."""
