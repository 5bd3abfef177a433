"""ONNX models through onnxruntime, on the device of the weights."""

from typing import Any

from ..implementation import Weights
from ..memory import is_out_of_memory


def session(weights: Weights) -> Any:
    """Open the ONNX file of `weights`: an onnxruntime InferenceSession on its device, one thread pool.

    Raises ValueError for a file that holds no model.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    wanted = ["CUDAExecutionProvider"] if weights.device.startswith("cuda") else []
    here = onnxruntime.get_available_providers()
    providers = [*(name for name in wanted if name in here), "CPUExecutionProvider"]
    try:
        return onnxruntime.InferenceSession(str(weights.path), options, providers=providers)
    except Exception as error:  # its errors have no base of their own
        if is_out_of_memory(error):
            raise
        raise ValueError(str(error)) from error
