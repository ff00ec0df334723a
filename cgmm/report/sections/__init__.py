"""The sections of the page, one file each, with a function ``section(claims)``.

Figures and tables that would make the file of a section too long stand in files beside it.
``cgmm.report.build`` lists the sections in the order of the page.
"""
