from __future__ import annotations

from pathlib import Path

from migrator import project, rules
from tests.migrator.rules.cases import check


def test_settings_in_python() -> None:
    check("""
        worker_class = "eventlet"  # EVT901 worker_class=eventlet
        socketio = SocketIO(app, async_mode="eventlet")  # EVT901 async_mode=eventlet
        CELERY = {"worker_pool": "eventlet"}  # EVT901 worker_pool=eventlet
        get_rpc_server(t, executor="eventlet")  # EVT901 executor=eventlet
        run(["gunicorn", "-k", "eventlet", "app"])  # EVT901 -k eventlet
        run("celery worker -P eventlet")  # EVT901 command line
        os.environ["EVENTLET_HUB"] = "asyncio"  # EVT902 EVENTLET_HUB
        os.getenv("EVENTLET_NO_GREENDNS")  # EVT902 EVENTLET_NO_GREENDNS
        cfg.BoolOpt("eventlet_debug")  # EVT903 eventlet_debug
        if CONF.eventlet_debug:  # EVT903 eventlet_debug
            pass
        setup(install_requires=["eventlet>=0.33"])  # EVT951 eventlet
        def f(async_mode="eventlet"):  # EVT901 async_mode=eventlet
            return async_mode == "eventlet"  # EVT901 async_mode=eventlet
        eventlet_debug = name = "eventlet"
        log = logging.getLogger("eventlet")
        "celery -P eventlet"
        """)


def test_settings_by_their_default_and_by_their_class() -> None:
    check("""
        worker_class = os.getenv("WORKER", "eventlet")  # EVT901 worker_class=eventlet
        worker_class = environ.get("W", default="eventlet")  # EVT901 worker_class=eventlet
        worker_class = "eventlet" if old else "gthread"  # EVT901 worker_class=eventlet
        Server(async_mode=mode or "eventlet")  # EVT901 async_mode=eventlet
        worker_class = "gunicorn.workers.geventlet.EventletWorker"  # EVT901 worker_class=eventlet
        worker_pool = "celery.concurrency.eventlet:TaskPool"  # EVT901 worker_pool=eventlet
        parser.add_argument("--worker-class", default="eventlet")  # EVT901 worker_class=eventlet
        get_rpc_server(transport, target, endpoints, "eventlet")  # EVT901 executor=eventlet
        backend.init_backend(backend.BackendType.EVENTLET)  # EVT901 backend=eventlet
        run(env={"EVENTLET_HUB": "poll"})  # EVT902 EVENTLET_HUB
        run(env=dict(os.environ, EVENTLET_HUB="poll"))  # EVT902 EVENTLET_HUB
        os.putenv("EVENTLET_HUB", "poll")  # EVT902 EVENTLET_HUB
        if "EVENTLET_HUB" in os.environ:  # EVT902 EVENTLET_HUB
            pass
        REQUIRES = ["eventlet>=0.33", "flask"]  # EVT951 eventlet
        setup(
            extras_require={
                "eventlet": [
                    "eventlet",  # EVT951 eventlet
                    "gunicorn[eventlet]",  # EVT951 eventlet
                ],
            },
            keywords=["eventlet"],
        )
        session.install("eventlet", "pytest")  # EVT951 eventlet
        worker_class = os.getenv("eventlet", "gthread")
        bind = "eventlet"
        BackendType.THREADING
        """)


def test_options_and_settings_under_names_of_the_project() -> None:
    check("""
        HUB_TYPE = os.getenv("X_HUB_TYPE", "eventlet")  # EVT901 hub_type=eventlet
        start_backend("eventlet")  # EVT901 start_backend=eventlet
        self.config(task_executor="eventlet")  # EVT901 task_executor=eventlet
        if backend not in ("eventlet", "threading"):  # EVT901 backend=eventlet
            pass
        debug = conf.get("eventlet_debug", "no")  # EVT903 eventlet_debug
        debug = config.getboolean("DEFAULT", "eventlet_debug")  # EVT903 eventlet_debug
        debug = settings["eventlet_debug"]  # EVT903 eventlet_debug
        debug = getattr(CONF, "eventlet_debug", False)  # EVT903 eventlet_debug
        patch.dict(os.environ, {"APP_NO_EVENTLET_PATCHING": "1"})  # EVT902 APP_NO_EVENTLET_PATCHING
        importlib.metadata.version("eventlet")  # EVT001 eventlet
        row = {"eventlet_debug": 1, "eventlet": 2}
        cache.get("eventlet_debug")
        register("eventlet")
        kind = row["eventlet"]
        """)


def test_parts_that_libraries_have_for_eventlet() -> None:
    check("""
        import futurist
        from futurist import GreenThreadPoolExecutor as G  # EVT904 futurist.GreenThreadPoolExecutor
        from futurist import ThreadPoolExecutor, rejection
        from oslo_utils import eventletutils, timeutils  # EVT905 oslo_utils.eventletutils
        import oslo_utils.eventletutils as utils  # EVT905 oslo_utils.eventletutils
        import kazoo.handlers.eventlet  # EVT906 kazoo.handlers.eventlet
        from gunicorn.workers import geventlet, gthread  # EVT906 gunicorn.workers.geventlet
        G(2)  # EVT904 futurist.GreenThreadPoolExecutor
        futurist.GreenFuture  # EVT904 futurist.GreenFuture
        futurist.ThreadPoolExecutor(2)
        done = utils.Event()  # EVT905 oslo_utils.eventletutils.Event
        timeutils.now()
        kazoo.handlers.threading
        class Worker(geventlet.EventletWorker):  # EVT906 gunicorn.workers.geventlet.EventletWorker
            pass
        mock.patch("us.futurist.GreenThreadPoolExecutor")  # EVT904 futurist.GreenThreadPoolExecutor
        mock.patch("celery.concurrency.eventlet.base")  # EVT906 celery.concurrency.eventlet.base
        mock.patch("celery.concurrency.gevent.base")
        from celery import signals, states
        signals.eventlet_pool_started.connect(f)  # EVT906 celery.signals.eventlet_pool_started
        signals.worker_init.connect(states)
        """)


def test_settings_with_their_name_beside_them() -> None:
    check("""
        mode = os.environ.get("SIO_ASYNC_MODE", "eventlet")  # EVT901 sio_async_mode=eventlet
        Server(async_mode=os.getenv("SIO_ASYNC_MODE", "eventlet"))  # EVT901 async_mode=eventlet
        os.environ.setdefault("RYU_HUB_TYPE", "eventlet")  # EVT901 ryu_hub_type=eventlet
        CONF.set_override("executor", "eventlet")  # EVT901 executor=eventlet
        self.assertEqual("eventlet", server.executor_type)  # EVT901 executor_type=eventlet
        self.assertEqual("server", "eventlet")
        p.add_argument("-x", "--executor", default="eventlet")  # EVT901 executor=eventlet
        p.add_argument("-x", dest="pool", default="eventlet")  # EVT901 pool=eventlet
        p.add_argument("-e", "--eventlet")  # EVT903 eventlet
        SocketIO(app, async_method="eventlet")  # EVT901 async_method=eventlet
        CONCURRENCY_LIBRARY = "eventlet"  # EVT901 concurrency_library=eventlet
        if EVENT_LOOP_MANAGER == "eventlet":  # EVT901 event_loop_manager=eventlet
            run(["pytest", "-k", "eventlet"])
        run("pytest -k eventlet")
        names = ("os", "eventlet", "eventlet.debug")  # EVT001 eventlet; EVT101 eventlet.debug
        workers = ("eventlet", "gevent")
        """)


def test_what_pyinstaller_bundles() -> None:
    check("""
        run(["app.py", "--hidden-import=eventlet.hubs.epolls"])  # EVT702 eventlet.hubs.epolls
        datas = collect_all("eventlet")  # EVT001 eventlet
        hiddenimports = ["eventlet", "dns"]  # EVT001 eventlet
        Analysis(["app.py"], hiddenimports=["eventlet"])  # EVT001 eventlet
        others = ["eventlet", "dns"]
        run("app.py --name=eventlet")
        """)


def test_a_spec_file_is_pyinstallers_or_rpms(tmp_path: Path) -> None:
    (tmp_path / "app.spec").write_text(
        "a = Analysis(['a.py'],\n  hiddenimports=['eventlet.wsgi'])\n"
    )
    (tmp_path / "rpm.spec").write_text("Name: x\nRequires: python3-eventlet\n")
    report = project.scan_paths([str(tmp_path)], project.Options(rules.select(["all"])))
    found = [(Path(one.path).name, one.span.line, one.api) for one in report.findings]
    assert found == [("app.spec", 2, "eventlet.wsgi"), ("rpm.spec", 2, "eventlet")]


def test_parts_of_libraries_whose_names_say_nothing_of_eventlet(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(
        "from ryu.lib import hub\nfrom oslo_service import wsgi\n"
        "hub.spawn(wsgi.Loader)\nwsgi.Server(conf, 'api')\n"
    )
    (tmp_path / "same.py").write_text("from ryu.lib.hub import sleep\nsleep(1)\n")
    (tmp_path / "other.py").write_text(
        "from os_ken.lib import hub\nfrom nova import wsgi\nhub.spawn(wsgi.Server)\n"
    )
    report = project.scan_paths([str(tmp_path)], project.Options(rules.select(["EVT906"])))
    found = [(Path(one.path).name, one.span.line, one.api) for one in report.findings]
    assert found == [
        ("app.py", 1, "ryu.lib.hub"),
        ("app.py", 3, "ryu.lib.hub.spawn"),
        ("app.py", 4, "oslo_service.wsgi.Server"),
        ("same.py", 1, "ryu.lib.hub.sleep"),
        ("same.py", 2, "ryu.lib.hub.sleep"),
    ]


def test_parts_that_only_sound_like_theirs() -> None:
    check("""
        from mine.futurist import GreenThreadPoolExecutor, GreenFuture
        from futurist.waiters import wait_for_all
        class GreenThreadPoolExecutor: ...
        GreenThreadPoolExecutor()
        def f(futurist):
            futurist.GreenFuture()
        """)


def test_a_command_line_may_be_the_arguments_of_a_call() -> None:
    check("""
        session.run("celery", "worker", "-P", "eventlet")  # EVT901 -P eventlet
        session.run("celery", "worker", "-P", "prefork", "eventlet")
        """)


def test_requirements_in_python() -> None:
    check("""
        REQUIRES = ["eventlet", "eventlet-extra"]  # EVT951 eventlet
        setup(install_requires=["six", "greenlet>=1"])  # EVT952 greenlet
        """)
