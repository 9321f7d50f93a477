"""What training draws: images, lesions and negative positions, crops of them, views, batches.

Every sample is a function of (seed, index). Nothing here knows of weights or steps.
"""
