"""A figure as an SVG picture: the same marks as on the page, without a browser.

It draws what our figures are made of, from the very JSON that the page hands to plotly.js, so page
and picture cannot differ. kaleido would need a Chrome, which few machines have; matplotlib took
four fifths of a report's time and six more packages.
"""
