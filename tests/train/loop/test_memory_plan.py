"""The plan of a step's memory, from graphs that can be counted by hand."""

import tensorflow as tf

from pipeline.train.loop.memory_plan import MemoryPlan, largest_alive

MB = 250_000  # float32 values of a megabyte


def alive(function, *shapes, rows=1):
    specs = [tf.TensorSpec(shape, tf.float32) for shape in shapes]
    graph = tf.function(function).get_concrete_function(*specs).graph
    return largest_alive(graph, rows=rows) / 1e6


def test_what_is_needed_later_is_kept_and_the_rest_is_not():
    def chain(x):
        for _ in range(5):
            x = tf.sort(x)  # reads one megabyte, makes another
        return x

    def kept(x):
        sorted_ones = [x := tf.sort(x) for _ in range(5)]
        return tf.add_n(sorted_ones)

    assert alive(kept, [MB]) - alive(chain, [MB]) >= 2.9


def test_gradients_keep_what_the_forward_pass_made():
    def gradient(x):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.sin(tf.sin(tf.sin(x)))
        return tape.gradient(y, x)

    # sin(x) and sin(sin(x)), then a cosine and the gradient so far, and their product.
    assert 3 <= alive(gradient, [MB]) <= 5


def test_sizes_that_are_open_are_those_of_so_many_rows():
    def doubled(x):
        return tf.sin(x)

    assert alive(doubled, [None, MB], rows=3) == 3.0


def test_the_body_of_a_loop_counts_once():
    def looped(x):
        def body(n, total):
            return n + 1, total + tf.reduce_sum(tf.sin(tf.cast(n, tf.float32) * x))

        return tf.while_loop(lambda n, _: n < 100, body, (0, 0.0))[1]

    assert 2 <= alive(looped, [MB]) < 3.1


def test_a_plan_for_fewer_crops_has_fewer_activations_and_says_what_is_free():
    plan = MemoryPlan(weights=10**7, optimiser=10**7, activations=8 * 10**8, batch=10**7, crops=8)
    smaller = plan.with_crops(2)
    assert (smaller.activations, smaller.total) == (2 * 10**8, 23 * 10**7)
    text = smaller.text(3 * 10**9, where="the GPU")
    assert "230 MB of 3.0 GB free on the GPU" in text
    assert "activations of 2 crops at once 200 MB" in text
    assert "of unknown free" in plan.text(None, where="the GPU")
