"""A network on an accelerator under a plan, to the cycle: schedules, counting, reports, what is done how often.

Knows no energy, no other machine and no file but a user's schedule.
"""
