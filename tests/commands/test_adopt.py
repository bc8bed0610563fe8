import subprocess
from pathlib import Path

from pipeline.tuning.tables import read_trials
from tests.import_closure import ROOT
from tests.in_process import Done, call


def test_the_change_is_applied_by_git_and_then_there_is_none(tmp_path: Path) -> None:
    clone = tmp_path / "clone"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)

    def adopt() -> Done:
        done = call("adopt", "demo_slides", "--criterion", "unsupervised", folder=clone)
        assert done.returncode == 0, done.stderr
        return done

    trials = read_trials(clone / "reports/arms/demo_slides/tuning/trials.csv", "demo_slides")
    other = trials.loc[trials["latent"] == "d2_8x8", "trial"].iloc[0]
    trials.loc[trials["trial"] == other, "loss"] = 0.0
    trials.to_csv(clone / "reports/arms/demo_slides/tuning/trials.csv", index=False)
    first = adopt()
    assert "+    latent_dim: 2" in first.stdout
    assert "chosen by score of held-out normals (of an autoencoder its loss), lowest" in first.stderr
    assert "what tune.common changed for the search only is not in it" in first.stderr
    subprocess.run(["git", "apply"], cwd=clone, input=first.stdout, text=True, check=True)
    second = adopt()
    assert second.stdout == ""
    assert "already" in second.stderr
