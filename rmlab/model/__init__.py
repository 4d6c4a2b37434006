"""RewardModel: a pretrained backbone and one scalar head, ``RM(x, y)``.

It is what transformers calls a sequence-classification model with one label, together with its tokenizer. A saved
folder therefore loads in `AutoModelForSequenceClassification` and gives the same scores there on the same ids, except
for a decoder whose head has a bias or two layers.

`reward_model` holds the model. `tokenization` turns texts into token ids by one of the `conventions`, with messages
written by `rendering`. `token_scorer` turns token ids into scores, with `batches`, `packing` and the masks of
`attention`. `backbones` loads a network and its tokenizer from what a `model_folder` holds, with its head (`heads`,
`saved_adapters`); `minilm` and `tiny_models` are the networks that have a short name. `network` changes transformers'
networks so that their scores can be trusted. `saving` writes a model to a folder, and `onnx_export` writes it for
browsers.
"""

from rmlab.model.backbones import ModelError
from rmlab.model.conventions import TRL, Apart, Convention, Joined, TwoSegments
from rmlab.model.mapped_ids import MappedIds
from rmlab.model.network import PAD_TOKEN
from rmlab.model.onnx_agreement import OnnxAgreement
from rmlab.model.onnx_export import OnnxExport
from rmlab.model.precision import Precision, autocast, use_bf16
from rmlab.model.rendering import TEMPLATE_DATE
from rmlab.model.reward_model import RewardModel
from rmlab.model.saving import check_destination, check_room, rescue
from rmlab.model.token_scorer import Packing
from rmlab.model.tokenization import COUNTS, Encoded, EncodedPairs, Encoder

__all__ = [
    "COUNTS",
    "PAD_TOKEN",
    "TEMPLATE_DATE",
    "TRL",
    "Apart",
    "Convention",
    "Encoded",
    "EncodedPairs",
    "Encoder",
    "Joined",
    "MappedIds",
    "ModelError",
    "OnnxAgreement",
    "OnnxExport",
    "Packing",
    "Precision",
    "RewardModel",
    "TwoSegments",
    "autocast",
    "check_destination",
    "check_room",
    "rescue",
    "use_bf16",
]
