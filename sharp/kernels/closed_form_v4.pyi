from .closed_form import count as count
from .closed_form import evaluate as evaluate
from .closed_form import processor_level as processor_level
