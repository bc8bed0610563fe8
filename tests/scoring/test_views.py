"""Where the views of tiles are."""

import numpy as np
import pytest

from pipeline.scoring.views import Views


@pytest.mark.parametrize(("side", "each"), [(16, 3), (48, 1), (12, 4), (13, 3)])
def test_views_lie_side_by_side_in_each_tile(side: int, each: int) -> None:
    views = Views(192.0, 48, side)
    assert views.per_tile == each
    tiles = np.arange(2 * 48 * 48 * 3).reshape(2, 48, 48, 3)
    cut = views.cut(tiles)
    assert cut.shape == (2 * each**2, side, side, 3)
    margin = (48 - each * side) // 2
    assert (cut[each**2 + each - 1] == tiles[1, margin : margin + side, margin + (each - 1) * side :][:, :side]).all()
    if each % 2:
        middle = (48 - side) // 2
        assert (cut[each**2 // 2] == tiles[0, middle : middle + side, middle : middle + side]).all()
    begin, end = views.edges(2 * each)
    assert begin[0] == margin * 4
    assert begin[each] == 192 + margin * 4
    assert (end[: each - 1] == begin[1:each]).all()


def test_neighbouring_views_share_their_edge_whatever_the_scale_of_the_slide() -> None:
    begin, end = Views(197.53086419753086, 48, 16).edges(300)
    assert (begin[1:] == end[:-1]).all()
    assert begin[3::3].tolist() == np.rint(np.arange(1, 100) * 197.53086419753086).tolist()
