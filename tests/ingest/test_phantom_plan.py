"""Who is abnormal is independent of how the files look."""

from collections import Counter

import pytest

from pipeline.config import PhantomSettings
from pipeline.ingest.phantom.plan import is_abnormal, plan_patient

PATIENTS = 240


@pytest.fixture(scope="module")
def patients():
    phantom = PhantomSettings(patients=PATIENTS)
    return [plan_patient(index, phantom) for index in range(PATIENTS)]


@pytest.mark.parametrize("look", ["syntax", "inverted", "film"])
def test_every_look_is_as_frequent_with_lesions_as_without(patients, look):
    abnormal = Counter(getattr(p, look) for p in patients if p.lesions)
    normal = Counter(getattr(p, look) for p in patients if not p.lesions)
    assert len(abnormal) > 1
    assert abnormal == normal


def test_exactly_one_woman_of_each_pair_has_lesions(patients):
    pairs = zip(patients[::2], patients[1::2], strict=True)
    assert all(bool(a.lesions) != bool(b.lesions) for a, b in pairs)


def test_which_woman_of_a_pair_has_lesions_is_drawn(patients):
    first = sum(bool(p.lesions) for p in patients[::2])
    assert 0.35 < first / (PATIENTS / 2) < 0.65


@pytest.mark.parametrize("share", [0.0, 0.1, 0.25, 0.75, 1.0])
def test_other_shares_of_abnormal_patients_are_kept(share):
    phantom = PhantomSettings(abnormal_share=share)
    assert sum(is_abnormal(i, phantom) for i in range(PATIENTS)) == round(share * PATIENTS)


def test_at_least_four_syntaxes_both_polarities_and_films_come_in_the_default_set(patients):
    default = patients[: PhantomSettings().patients]
    assert len({p.syntax for p in default}) >= 4
    assert {p.inverted for p in default} == {True, False}
    assert {p.film for p in default} == {True, False}


def test_all_kinds_of_lesions_are_about_equally_frequent(patients):
    kinds = Counter(lesion.kind for p in patients for lesion in p.lesions)
    assert set(kinds) == {"mass_smooth", "mass_spiculated", "microcalcifications"}
    assert max(kinds.values()) < 1.3 * min(kinds.values())


def test_the_plan_of_a_patient_does_not_depend_on_the_number_of_patients():
    few, many = PhantomSettings(patients=4), PhantomSettings(patients=400)
    assert plan_patient(3, few) == plan_patient(3, many)


def test_another_seed_gives_other_lesions():
    plans = [
        [plan_patient(i, PhantomSettings(seed=seed)).lesions for i in range(10)] for seed in (1, 2)
    ]
    assert plans[0] != plans[1]
