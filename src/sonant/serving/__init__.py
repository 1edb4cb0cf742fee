"""The server: TensorFlow Serving's wire and its neighbours, over one catalog of loaded models."""
