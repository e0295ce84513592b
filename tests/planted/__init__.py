"""A bookshop for the lab to be tested by: each view of `defects` has one thing wrong with it, on
the line that says `planted`; the view of that name in `twin` does the same without.
"""
