"""What is wrong with a data set, before anything is trained on it.

    rows, test rows -> exchange -> one file a finding -> report -> terminal, page, JSON; mend

`shingles` and `near` find texts that are nearly the same. Findings compute, `terminal` and `page`
draw; whatever is shown of a text went through `private.redacted`.
"""
