"""How weights are trained: a step, its loss and its rate, the loop around it, the checkpoint.

Arrays and variables only: what is drawn from which mammogram is said in train/data, what a training
starts from and ends with in train.
"""
