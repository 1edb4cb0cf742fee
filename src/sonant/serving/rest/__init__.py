"""TensorFlow Serving's REST: every target that matches `(?i)/v1/.*`."""

from sonant.serving.rest.answers import answer as answer
