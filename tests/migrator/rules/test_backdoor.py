from __future__ import annotations

from tests.migrator.rules.cases import check


def test_the_server_in_every_form() -> None:
    check("""
        import eventlet  # EVT001 eventlet
        from eventlet import backdoor  # EVT201 eventlet.backdoor
        eventlet.spawn(backdoor.backdoor_server, s)  # EVT401 eventlet.spawn; EVT202 eventlet.backdoor.backdoor_server
        backdoor.backdoor_server(s)  # EVT202 eventlet.backdoor.backdoor_server
        backdoor.backdoor(conn, {})  # EVT203 eventlet.backdoor.backdoor
        mock.patch("eventlet.backdoor.backdoor_server")  # EVT202 eventlet.backdoor.backdoor_server
        """)


def test_oslo_and_its_copies() -> None:
    check("""
        from oslo_service import eventlet_backdoor  # EVT204 oslo_service.eventlet_backdoor
        from nova.openstack.common import eventlet_backdoor as b  # EVT204 nova.openstack.common.eventlet_backdoor
        eventlet_backdoor.initialize_if_enabled(CONF)  # EVT205 oslo_service.eventlet_backdoor.initialize_if_enabled
        b.initialize_if_enabled()  # EVT205 nova.openstack.common.eventlet_backdoor.initialize_if_enabled
        raise b.EventletBackdoorConfigValueError(1)  # EVT204 nova.openstack.common.eventlet_backdoor.EventletBackdoorConfigValueError
        """)
