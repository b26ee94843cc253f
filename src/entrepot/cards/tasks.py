"""The task of a transformers model, by the class that its ``config.json`` names.

Source: docs/protocols/metadata.md, section 1: the tables of transformers 5.24.0 in the order of its script
``update_metadata.py``, written as suffixes of class names with exceptions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import attrs

from entrepot.cards.yaml_values import JsonValue


@attrs.frozen
class ModelClass:
    """The task of a class of transformers.

    ``task``: None if no present task describes it, as of text-to-text models and those for training only.
    ``auto_class``: the class of transformers that loads it.
    """

    task: str | None
    auto_class: str


_SPEECH = "automatic-speech-recognition"
_VISION = "image-feature-extraction"
_VISION_TEXT = "image-text-to-text"

# (suffix of the class, task, auto class). The longest suffix that fits decides.
_SUFFIXES = {
    "ForCausalLM": ("text-generation", "AutoModelForCausalLM"),
    "LMHeadModel": ("text-generation", "AutoModelForCausalLM"),
    "WithLMHeadModel": ("fill-mask", "AutoModelForMaskedLM"),
    "ForMaskedLM": ("fill-mask", "AutoModelForMaskedLM"),
    "ForSequenceClassification": ("text-classification", "AutoModelForSequenceClassification"),
    "ForTokenClassification": ("token-classification", "AutoModelForTokenClassification"),
    "ForMultipleChoice": ("multiple-choice", "AutoModelForMultipleChoice"),
    "ForQuestionAnswering": ("question-answering", "AutoModelForQuestionAnswering"),
    "ForQuestionAnsweringSimple": ("question-answering", "AutoModelForQuestionAnswering"),
    "ForImageClassification": ("image-classification", "AutoModelForImageClassification"),
    "ForImageClassificationWithTeacher": ("image-classification", "AutoModelForImageClassification"),
    "ForImageClassificationLearned": ("image-classification", "AutoModelForImageClassification"),
    "ForImageClassificationFourier": ("image-classification", "AutoModelForImageClassification"),
    "ForImageClassificationConvProcessing": ("image-classification", "AutoModelForImageClassification"),
    "ForSemanticSegmentation": ("image-segmentation", "AutoModelForSemanticSegmentation"),
    "ForUniversalSegmentation": ("image-segmentation", "AutoModelForUniversalSegmentation"),
    "ForInstanceSegmentation": ("image-segmentation", "AutoModelForInstanceSegmentation"),
    "DetrForSegmentation": ("image-segmentation", "AutoModelForImageSegmentation"),
    "ForObjectDetection": ("object-detection", "AutoModelForObjectDetection"),
    "ForDepthEstimation": ("depth-estimation", "AutoModelForDepthEstimation"),
    "ForVideoClassification": ("video-classification", "AutoModelForVideoClassification"),
    "ForKeypointDetection": ("keypoint-detection", "AutoModelForKeypointDetection"),
    "ForKeypointMatching": (None, "AutoModelForKeypointMatching"),
    "ForAudioClassification": ("audio-classification", "AutoModelForAudioClassification"),
    "ForCTC": (_SPEECH, "AutoModelForCTC"),
    "ForRNNT": (_SPEECH, "AutoModelForRNNT"),
    "ForTDT": (_SPEECH, "AutoModelForTDT"),
    "ForSpeechToText": (_SPEECH, "AutoModelForSpeechSeq2Seq"),
    "SpeechEncoderDecoderModel": (_SPEECH, "AutoModelForSpeechSeq2Seq"),
    "ForAudioFrameClassification": (None, "AutoModelForAudioFrameClassification"),
    "ForXVector": (None, "AutoModelForAudioXVector"),
    "ForTextToSpeech": ("text-to-audio", "AutoModelForTextToSpectrogram"),
    "BarkModel": ("text-to-audio", "AutoModelForTextToWaveform"),
    "VitsModel": ("text-to-audio", "AutoModelForTextToWaveform"),
    "FastSpeech2ConformerModel": ("text-to-audio", "AutoModelForTextToSpectrogram"),
    "FastSpeech2ConformerWithHifiGan": ("text-to-audio", "AutoModelForTextToWaveform"),
    "ForImageSuperResolution": ("image-to-image", "AutoModelForImageToImage"),
    "ForConditionalGeneration": (_VISION_TEXT, "AutoModelForImageTextToText"),
    "ForVisionText2Text": (_VISION_TEXT, "AutoModelForImageTextToText"),
    "ForTextToText": (None, "AutoModelForSeq2SeqLM"),
    "ForNextSentencePrediction": (None, "AutoModelForNextSentencePrediction"),
    "ForPreTraining": (None, "AutoModelForPreTraining"),
    "MarianMTModel": (None, "AutoModelForSeq2SeqLM"),
    "VisionEncoderDecoderModel": (_VISION_TEXT, "AutoModelForImageTextToText"),
    "EncoderDecoderModel": (None, "AutoModelForSeq2SeqLM"),
    "Model": ("feature-extraction", "AutoModel"),
    "Encoder": ("feature-extraction", "AutoModel"),
    "VisionTransformer": ("feature-extraction", "AutoModel"),
}

# Suffix: (task, auto class, stems before the suffix for which these hold instead).
_EXCEPTIONS: tuple[tuple[str, str | None, str, str], ...] = (
    ("ForCausalLM", _VISION_TEXT, "AutoModelForImageTextToText", "Fuyu Git Mistral4"),
    ("ForCausalLM", "any-to-any", "AutoModelForMultimodalLM", "Phi4Multimodal"),
    ("ForTextToSpeech", "text-to-audio", "AutoModelForTextToWaveform", "SeamlessM4T SeamlessM4Tv2"),
    ("ForRetrieval", None, "AutoModelForPreTraining", "ColModernVBert ColPali ColQwen2"),
    ("ForImageTextRetrieval", "zero-shot-image-classification", "AutoModelForZeroShotImageClassification", "Blip2"),
    (
        "ForSequenceClassification",
        "audio-classification",
        "AutoModelForAudioClassification",
        """Data2VecAudio Hubert SEW SEWD UniSpeech UniSpeechSat Wav2Vec2 Wav2Vec2Bert Wav2Vec2Conformer WavLM""",
    ),
    ("ForQuestionAnswering", "table-question-answering", "AutoModelForTableQuestionAnswering", "Tapas"),
    (
        "ForQuestionAnswering",
        "document-question-answering",
        "AutoModelForDocumentQuestionAnswering",
        "LayoutLM LayoutLMv2 LayoutLMv3",
    ),
    ("ForConditionalGeneration", "visual-question-answering", "AutoModelForVisualQuestionAnswering", "Blip2"),
    ("ForConditionalGeneration", "feature-extraction", "AutoModel", "ClvpModel"),
    ("ForQuestionAnswering", "visual-question-answering", "AutoModelForVisualQuestionAnswering", "Blip Vilt"),
    (
        "ForObjectDetection",
        "zero-shot-object-detection",
        "AutoModelForZeroShotObjectDetection",
        "OmDetTurbo GroundingDino MMGroundingDino Owlv2 OwlViT",
    ),
    (
        "ForConditionalGeneration",
        _SPEECH,
        "AutoModelForSpeechSeq2Seq",
        """Whisper Speech2Text Moonshine MoonshineStreaming GraniteSpeech GraniteSpeechPlus OmniASR Qwen3ASR
        VibeVoiceAsr Voxtral VoxtralRealtime Canary CohereAsr Dia FunAsrNano KyutaiSpeechToText Pop2Piano""",
    ),
    (
        "ForConditionalGeneration",
        "text-to-audio",
        "AutoModelForTextToWaveform",
        """Csm HiggsAudioV2 VibeVoice GradiumPhononTTS Musicgen MusicgenMelody PocketTTS Qwen2_5Omni Qwen3OmniMoe""",
    ),
    (
        "ForConditionalGeneration",
        None,
        "AutoModelForSeq2SeqLM",
        """AudioFlamingo3 Bart BigBirdPegasus Blenderbot BlenderbotSmall FSMT GlmAsr LED LongT5 M2M100 MBart
        MossTranscribeDiarize MT5 MusicFlamingo Mvp Nemotron3_5Transcribe NllbMoe Pegasus PegasusX PLBart ProphetNet
        Qwen2Audio SwitchTransformers T5 T5Gemma T5Gemma2 UMT5""",
    ),
    (
        "Model",
        "zero-shot-image-classification",
        "AutoModelForZeroShotImageClassification",
        "Align AltCLIP Blip ChineseCLIP CLIP CLIPSeg MetaClip2 Siglip Siglip2 Tipsv2 VideoPrismClip",
    ),
    ("Model", "mask-generation", "AutoModelForMaskGeneration", "EdgeTam Sam Sam2 Sam3Tracker SamHQ"),
    (
        "Model",
        _VISION,
        "AutoModel",
        """Aimv2Vision Beit Bit Cohere2Vision ConditionalDetr ConvNext ConvNextV2 DabDetr Data2VecVision DeformableDetr
        DeiT DepthPro Detr Dinat Dinov2 Dinov2WithRegisters DINOv3ConvNext DINOv3ViT DPT EfficientNet FocalNet
        TimmWrapper GLPN Hiera IJepa ImageGPT Levit MLCDVision MobileNetV1 MobileNetV2 MobileViT MobileViTV2 Pixio
        PoolFormer Pvt RegNet ResNet Segformer SiglipVision SwiftFormer Swin Swin2SR Swinv2 TableTransformer Timesformer
        Tipsv2Vision VideoMAE VideoPrismVision ViT ViTMAE ViTMSN VitDet Vivit Yolos Llama4Vision MllamaVision""",
    ),
    # Whole names, without a suffix that says anything.
    ("", "text-generation", "AutoModelForCausalLM", "BertGenerationDecoder ReformerModelWithLMHead"),
    ("", "feature-extraction", "AutoModel", "GlmImageVQVAE HGNetV2Backbone MgpstrForSceneTextRecognition"),
    ("", _VISION, "AutoModel", "TimmBackbone"),
    (
        "",
        _VISION_TEXT,
        "AutoModelForImageTextToText",
        "DiffusionGemmaForBlockDiffusion EvollaForProteinText2Text NemotronH_Omni_Reasoning_V3",
    ),
)
_BY_NAME = {
    stem + suffix: ModelClass(task, auto_class)
    for suffix, task, auto_class, stems in _EXCEPTIONS
    for stem in stems.split()
}
_LONGEST_FIRST = sorted(_SUFFIXES, key=len, reverse=True)
_CHATS = frozenset({"text-generation", _VISION_TEXT})

CONVERSATIONAL = "conversational"
"""The tag of a model that has a chat template."""


def classify(class_name: str) -> ModelClass | None:
    """Return the task of a class of transformers; None if its name does not tell."""
    name = class_name.removeprefix("Flax").removeprefix("TF")
    if name in _BY_NAME:
        return _BY_NAME[name]
    for suffix in _LONGEST_FIRST:
        if name.endswith(suffix):
            return ModelClass(*_SUFFIXES[suffix])
    return None


def classify_config(config: Mapping[str, JsonValue]) -> ModelClass | None:
    """Return the task of the model of a ``config.json``; None if it does not tell.

    For a class of the repository's own (``auto_map``), the most specific auto class with a task decides.
    """
    auto_map = config.get("auto_map")
    if isinstance(auto_map, dict):
        named = sorted((name for name in auto_map if name.startswith("AutoModel")), key=len, reverse=True)
        known = [(name, found) for name in named if (found := classify(name.removeprefix("Auto"))) is not None]
        if known:
            name, found = next((pair for pair in known if pair[1].task), known[0])
            return attrs.evolve(found, auto_class=name)
    for name in strings_in(config.get("architectures")):
        return classify(name)
    return None


def strings_in(value: JsonValue) -> Iterable[str]:
    """Return the strings of a list; nothing for any other value."""
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def can_chat(task: str | None, *, has_template: bool) -> bool:
    """Return whether a model gets the tag ``conversational``."""
    return has_template and task in _CHATS
