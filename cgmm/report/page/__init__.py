"""How a page is written, independent of its content: text, tables, SVG, rendering."""
