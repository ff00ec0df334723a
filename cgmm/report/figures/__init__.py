"""Hand-built inline SVG and rasterised scatters; no plotting library in the browser."""
