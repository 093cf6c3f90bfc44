"""The service's own unit tests: they name what the service calls."""
import unittest
from unittest import mock

import diagnostics
import settings


class ConfigureTest(unittest.TestCase):
    @mock.patch("eventlet.debug.hub_blocking_detection")
    def test_blocking_detection_takes_the_setting(self, detection):
        diagnostics.configure(settings.load()._replace(debug=False, blocking=2.5))
        detection.assert_called_once_with(True, resolution=2.5)

    def test_backdoor_gets_the_service(self):
        with mock.patch("eventlet.spawn") as spawn:
            diagnostics.open_backdoor(settings.load(), "the service")
        _args, kwargs = spawn.call_args
        self.assertEqual(kwargs["locals"]["service"], "the service")


if __name__ == "__main__":
    unittest.main()
