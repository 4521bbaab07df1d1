"""Numbers -> plotly figures as JSON. Colours of text and paper are left to the page's style."""
