import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from scipy.optimize import nnls

from pipeline.compute.seeding import generator
from pipeline.data.stain import (
    OPTICAL_DENSITY,
    TargetStains,
    TooLittleStainError,
    concentrations,
    learn_dictionary,
    learn_target,
    make_normalizer,
    recolour,
    sparse_codes,
    stain_matrix,
    standardize_brightness,
    strength,
)
from pipeline.demo.lymph_node import STAINS, UNIT, render
from tests.shipped import shipped_slides

GLASS = np.full(3, 250.0)


@pytest.fixture(scope="module")
def settings():
    return shipped_slides("camelyon16").normalize_tiles


def fitted(target, settings):
    return make_normalizer(learn_target(target, settings), settings)


def other_laboratory() -> np.ndarray:
    stains = STAINS + generator(0, "other laboratory").normal(0, 0.05, (2, 3))
    return stains / np.linalg.norm(stains, axis=1, keepdims=True)


def degrees(first: np.ndarray, second: np.ndarray) -> float:
    cosine = (first * second).sum(1) / np.linalg.norm(first, axis=1) / np.linalg.norm(second, axis=1)
    return float(np.degrees(np.arccos(np.clip(cosine, -1, 1))).max())


def lasso_objective(stains, x, codes, penalty) -> float:
    return float(0.5 * ((x - stains.T @ codes) ** 2).sum() + penalty * codes.sum())


entries = st.floats(0, 1, width=32)
atoms = st.lists(st.lists(entries, min_size=3, max_size=3).filter(lambda row: sum(row) > 0.1), min_size=2, max_size=2)
pixels = st.lists(st.floats(0, 3, width=32), min_size=3, max_size=3)


@given(atoms, pixels, st.floats(0, 0.5))
@hypothesis_settings(max_examples=300)
def test_the_closed_form_is_as_good_as_a_numerical_solver(rows, x, penalty):
    stains, x = np.array(rows), np.array(x)
    codes = sparse_codes(stains, x[:, None], penalty)[:, 0]
    # ½‖x − Dᵀa‖² + λΣa as plain least squares on the eigenvectors of DDᵀ, where the solver is at home
    gram, target = stains @ stains.T, stains @ x - penalty
    values, vectors = np.linalg.eigh(gram + 1e-9 * np.eye(2))
    root = np.sqrt(np.maximum(values, 1e-12))
    solved, _ = nnls(root[:, None] * vectors.T, (vectors.T @ target) / root)
    assert (codes >= 0).all()
    best = lasso_objective(stains, x, solved, penalty)
    assert lasso_objective(stains, x, codes, penalty) <= best + 1e-5


def test_brightness_is_divided_by_numpys_percentile(tile):
    for percentile in (90.0, 33.3, 100.0):
        expected = np.minimum(tile * (255 / np.percentile(tile, percentile)), 255)
        assert np.abs(standardize_brightness(tile, percentile) - expected).max() <= 1


def test_inputs_are_not_changed(tile, settings):
    before = tile.copy()
    fitted(tile, settings).normalize(tile, "a")
    assert np.array_equal(tile, before)


def test_the_stains_of_a_tile_are_found_where_each_pixel_holds_one(settings):
    haematoxylin, eosin = generator(0, "maps").integers(20, 150, (2, 256, 256)).astype(np.uint8)
    haematoxylin[:, 100:] = 0
    eosin[:, :100] = 0
    truth = other_laboratory()
    found = stain_matrix(render(haematoxylin, eosin, truth, np.full(3, 255.0)), settings, "tile")
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert degrees(found, truth) < 2


def test_the_stains_of_drawn_tissue_are_found_roughly_though_nuclei_lie_in_eosin(stain_maps, settings):
    truth = other_laboratory()
    found = stain_matrix(render(*stain_maps, truth, GLASS), settings, "tile")
    assert degrees(found, truth) < 15


def test_the_amounts_of_a_rendered_tile_are_found(stain_maps):
    truth = other_laboratory().astype(np.float32)
    amounts = concentrations(render(*stain_maps, truth, np.full(3, 255.0)), truth, 0.0)
    for found, drawn in zip(amounts, stain_maps, strict=True):
        assert np.abs(found - drawn.ravel() * UNIT).mean() < 0.02


def test_two_laboratories_look_the_same_after_normalisation(stain_maps, tile, settings):
    first, second = render(*stain_maps, STAINS, GLASS), render(*stain_maps, other_laboratory() * 1.02, GLASS * 0.95)
    normalizer = fitted(tile, settings)
    before = np.abs(first.astype(float) - second).mean()
    after = np.abs(normalizer.normalize(first, "a").astype(float) - normalizer.normalize(second, "a")).mean()
    assert after < before / 3


def test_the_same_tile_gives_the_same_bytes(tile, settings):
    first, second = (fitted(tile, settings).normalize(tile, "a") for _ in range(2))
    assert np.array_equal(first, second)


def test_a_tile_normalised_to_itself_keeps_its_colours(tile, settings):
    bright = standardize_brightness(tile, settings.brightness_percentile)
    assert np.abs(fitted(tile, settings).normalize(tile, "a").astype(float) - bright).mean() < 6


def test_haematoxylin_is_the_row_with_more_red_density(tile, settings):
    stains = stain_matrix(tile, settings, "a")
    assert stains[0, 0] > stains[1, 0]
    assert (stains >= 0).all()


@pytest.mark.parametrize("colour", [(255, 255, 255), (90, 90, 90), (150, 60, 140)])
@pytest.mark.parametrize("noise", [0, 2])
def test_a_tile_of_one_colour_is_refused(colour, noise, settings):
    grain = np.random.default_rng(0).normal(0, noise, (64, 64, 3))
    flat = np.clip(colour + grain, 0, 255).round().astype(np.uint8)
    with pytest.raises(TooLittleStainError, match="too little stain"):
        stain_matrix(flat, settings, "flat")


def test_a_black_tile_is_refused(settings):
    with pytest.raises(TooLittleStainError, match="only one colour"):
        stain_matrix(np.zeros((64, 64, 3), np.uint8), settings, "black")


def test_rescaling_gives_the_strength_of_the_target(stain_maps, settings):
    settings = settings.model_copy(update={"rescale_codes": True})
    pale = render(*stain_maps, STAINS * 0.6, GLASS)
    strong = render(*stain_maps, STAINS, GLASS)
    normalizer = fitted(strong, settings)
    plain = fitted(strong, settings.model_copy(update={"rescale_codes": False}))
    wanted = normalizer.normalize(strong, "a").astype(float).mean()
    assert abs(normalizer.normalize(pale, "a").mean() - wanted) < abs(plain.normalize(pale, "a").mean() - wanted) / 2


def test_rescaling_by_nothing_is_refused():
    with pytest.raises(TooLittleStainError):
        strength(np.array([[0.0] * 100, [1.0] * 100], np.float32))


def test_none_leaves_the_colours(tile, settings):
    assert fitted(tile, settings.model_copy(update={"method": "none"})).normalize(tile, "a") is tile


def test_the_dictionary_does_not_depend_on_the_order_of_pixels(tile):
    density = OPTICAL_DENSITY[tile.reshape(-1, 3)[::7].T].astype(np.float64)
    # to within what is left when learning counts as converged
    assert np.allclose(learn_dictionary(density, 0.1), learn_dictionary(density[:, ::-1], 0.1), atol=3e-5)


def test_codes_agree_with_those_of_spams(tile):
    import spams

    stains = other_laboratory()
    density = OPTICAL_DENSITY[tile[::4, ::4].reshape(-1, 3).T].astype(np.float64)
    theirs = spams.lasso(
        X=np.asfortranarray(density), D=np.asfortranarray(stains.T), mode=2, lambda1=0.01, pos=True, numThreads=1
    ).toarray()
    assert np.allclose(sparse_codes(stains, density, 0.01), theirs, atol=1e-5)


def test_with_the_same_stains_the_picture_is_that_of_staintools(tile):
    from staintools.miscellaneous.get_concentrations import get_concentrations

    source, target = other_laboratory().astype(np.float32), STAINS.astype(np.float32)
    theirs = 255 * np.exp(-get_concentrations(tile.copy(), source.astype(np.float64)) @ target)
    ours = recolour(concentrations(tile, source, 0.01), target, tile.shape)
    assert np.abs(ours - theirs.reshape(tile.shape)).max() <= 1


@pytest.mark.slow
def test_the_stains_are_close_to_the_optimum_of_spams(tile, settings):
    import spams

    density = OPTICAL_DENSITY[tile.reshape(-1, 3).T].astype(np.float64)
    theirs = spams.trainDL(
        X=np.asfortranarray(density), K=2, lambda1=0.1, mode=2, modeD=0, posAlpha=True, posD=True, iter=-4,
        numThreads=1, verbose=False,
    ).T  # fmt: skip
    theirs = theirs[np.argsort(-theirs[:, 0])]
    ours = learn_dictionary(density, settings.dictionary_lambda)
    assert degrees(ours, theirs) < 1


@pytest.mark.parametrize("changes", [{}, {"rescale_codes": True}, {"stains_of": "slide"}])
def test_a_target_that_went_through_json_gives_the_same_bytes(stain_maps, tile, settings, changes):
    settings = settings.model_copy(update=changes)
    target = learn_target(tile, settings)
    again = TargetStains.model_validate_json(json.dumps(target.model_dump(mode="json")))
    assert again == target
    other = render(*stain_maps, other_laboratory(), GLASS)
    normalizers = (make_normalizer(stains, settings).for_slide([("a", other)], 1) for stains in (target, again))
    first, second = (normalizer.normalize(other, "a") for normalizer in normalizers)
    assert np.array_equal(first, second)


@pytest.mark.slow
def test_staintools_can_be_chosen_and_an_empty_tile_is_refused(tile, settings):
    normalizer = fitted(tile, settings.model_copy(update={"method": "staintools", "rescale_codes": True}))
    ours = fitted(tile, settings.model_copy(update={"rescale_codes": True})).normalize(tile, "a")
    assert np.abs(normalizer.normalize(tile, "a").astype(float) - ours).mean() < 10
    with pytest.raises(TooLittleStainError):
        normalizer.normalize(np.full((64, 64, 3), 255, np.uint8), "white")
