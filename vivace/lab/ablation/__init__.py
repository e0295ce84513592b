"""What each optimisation is worth: switched off alone, and on again, on the same request.

    optimisations  all there are; one more is a line there
    trials         a request, and what switches an optimisation off
    indexes, paging, relations, rendering, writing, accounts, connecting
                   how each is switched off, by what it is about
    rounds         off, on and on again in turn
    results        the result file
    running        the process in which all of that happens, and what it tells

An optimisation is switched off by putting something else in its place in the lab's own process,
on a library of the lab's own. The product has no switches for it.
"""
