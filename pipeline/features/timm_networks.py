"""Any network of the library timm as a backbone, tapped at any of its modules."""

import logging
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from pipeline.errors import PipelineError
from pipeline.features.backbones import Backbone


class TimmNetwork(Backbone):
    """A network of timm in the statistics that it was trained with.

    A layer is the name of a module, as ``conv2d_7b`` of inception_resnet_v2 or ``blocks.11`` of a vision transformer,
    whose tokens become a map; the class token and registers are left out.

    Args:
        name: As timm lists it.
        pretrained: Whether timm gets its weights.
    """

    def __init__(self, name: str, pretrained: bool) -> None:
        import timm  # noqa: PLC0415  (takes seconds to import, and the demo needs none of it)

        # Transformers of a fixed size of image take any, others know no such argument.
        try:
            network: Any = timm.create_model(name, pretrained=pretrained, num_classes=0, dynamic_img_size=True)
        except TypeError:
            network = timm.create_model(name, pretrained=pretrained, num_classes=0)
        super().__init__(network.pretrained_cfg["mean"], network.pretrained_cfg["std"])
        self.name, self.network = name, network

    def features(self, images: Tensor, layers: Sequence[str]) -> list[Tensor]:
        """See :meth:`Backbone.features`."""
        tapped: dict[str, Tensor] = {}

        def keep(layer: str) -> Any:
            def kept(module: nn.Module, arguments: Any, output: Any) -> None:
                if self._is_map(output):
                    # A copy, since the module that follows may write what it makes of an answer in its place.
                    tapped[layer] = output.clone()

            return kept

        hooks = [self._module(layer).register_forward_hook(keep(layer)) for layer in layers]
        try:
            self.network.forward_features(images)
        except torch.OutOfMemoryError:
            raise
        except (AssertionError, RuntimeError) as error:
            side = images.shape[-1]
            raise PipelineError(
                f"{self.name} does not take images of {side} px: set `input_size` to a size that it takes"
            ) from error
        finally:
            for hook in hooks:
                hook.remove()
        if unseen := [layer for layer in layers if layer not in tapped]:
            raise PipelineError(f"{self.name} makes no map at {unseen[0]!r}: name another of its modules")
        return [self._as_map(layer, tapped[layer], images) for layer in layers]

    def load_weights(self, weights: dict[str, Tensor]) -> None:
        """Load a state dictionary of timm's, with or without its classifier."""
        own = set(self.network.state_dict())
        self.network.load_state_dict({key: value for key, value in weights.items() if key in own})

    def _module(self, layer: str) -> nn.Module:
        modules: dict[str, nn.Module] = dict(self.network.named_modules())
        if not layer or layer not in modules:
            known = ", ".join(name for name, _ in self.network.named_children())
            raise PipelineError(f"{layer!r} is no layer of {self.name}: name one of its modules, such as {known}")
        return modules[layer]

    def _is_map(self, output: Any) -> bool:
        """Whether an answer is a map or tokens, and not what the classifier or a part of a block makes."""
        return isinstance(output, Tensor) and (
            output.ndim == 4 or (output.ndim == 3 and hasattr(self.network, "num_prefix_tokens"))
        )

    def _as_map(self, layer: str, output: Tensor, images: Tensor) -> Tensor:
        """Turn maps whose channels come last, and put tokens (N, T, C) back to where they are of: (N, C, h, w)."""
        if output.ndim == 4:
            order = getattr(self._module(layer), "output_fmt", getattr(self.network, "output_fmt", "NCHW"))
            return output.permute(0, 3, 1, 2) if order == "NHWC" else output
        patch = self.network.patch_embed.patch_size
        height, width = (size // side for size, side in zip(images.shape[2:], patch, strict=True))
        tokens = output[:, self.network.num_prefix_tokens :]
        return tokens.transpose(1, 2).reshape(len(tokens), -1, height, width)


def timm_network(name: str, weights: str | None) -> TimmNetwork:
    """Build a network of timm; without a file of weights, with those that timm gets.

    Raises:
        PipelineError: If there is no such network, or its weights cannot be got.
    """
    import timm  # noqa: PLC0415  (as above)

    if not timm.is_model(name):
        raise PipelineError(
            f"{name!r} is no backbone: choose one of torchvision's that docs/parameters.md names, or any of timm"
        )
    logging.getLogger("huggingface_hub").setLevel(logging.CRITICAL)  # a page of retries without internet
    try:
        return TimmNetwork(name, pretrained=weights is None)
    except Exception as error:  # timm, its hub and its network raise anything
        raise PipelineError(
            f"the weights of {name} could not be downloaded by timm: get them on a machine with internet and name "
            "their file in the detector's `weights`"
        ) from error
