"""placeholder until merge"""


def choose_tune(parts):
    return 0
