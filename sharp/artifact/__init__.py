"""What is published: notebooks, batches, figures, tables, their record.

Knows no command line.
"""
