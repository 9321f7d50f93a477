"""The only room that imports mlflow: brings RUN/events.jsonl, to which the stages append, into it.

No stage imports it, so that none depends on a server that answers.
"""
