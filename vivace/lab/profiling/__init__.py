"""Why an operation takes as long as it does: its statements, their plans, and what is wrong.

    asking    which requests stand for the operations of a project
    tracing   the statements of a request, where they come from, where its time goes
    plans     what the database does for a statement
    rules     what is wrong with that, named with file and line
    indexes   an index that is missing, built on a copy and measured

All of it runs in a process of the project that is profiled, under its settings, on a copy of its
database (`project`); `vivace.lab.profile` starts that process.
"""
