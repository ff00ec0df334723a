"""How a page is made, whatever it says: text, tables, SVG, rendering."""
