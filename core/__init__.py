"""Catena: the names authors may use. Re-exports only; everything else in `core` is internal."""

from core.cron.job import Job
from core.cron.schedule import Schedule
from core.data.bulk import DeleteMany, DeleteOne, InsertOne, ReplaceOne, UpdateMany, UpdateOne, WriteResult
from core.data.cache import CachedValue
from core.data.collection import Collection
from core.data.errors import NotSupported
from core.declare.controller import Action, Controller, Use, use
from core.declare.cron import All, cron
from core.declare.function import command, init
from core.declare.project import Lib, Project, Settings, Translations
from core.declare.route import Body, Cors, Path, Route, Routes, Stream
from core.declare.upstream import Breaker, Upstream
from core.errors import (
    BadGateway,
    BadRequest,
    CatenaError,
    ConfigError,
    Conflict,
    CronError,
    DuplicateKey,
    ErrorItem,
    EtagMismatch,
    Forbidden,
    GatewayTimeout,
    Gone,
    HeadersTooLarge,
    HTTPError,
    InternalServerError,
    JobStopped,
    LeaseLost,
    LoadError,
    MethodNotAllowed,
    Misdirected,
    ModelError,
    NotConnected,
    NotFound,
    PayloadTooLarge,
    PreconditionFailed,
    StoreError,
    TooManyRequests,
    Unauthorized,
    Unavailable,
    UnsupportedMediaType,
    UriTooLong,
    WireCode,
)
from core.http.egress import Reply
from core.schema.formats import CIDR, IP, CIDRv4, CIDRv6, Email, IPv4, IPv6, ObjectId, SafeInt, Timestamp
from core.schema.model import Index, Model
from core.schema.params import Params, given
from core.schema.rules import factory, now, rule
from core.schema.upload import Upload
from core.serve.context import AppContext, Context
from core.serve.create import create_app
from core.serve.output import error_response, json_response
from core.serve.response import FileResponse, Finish, Redirect, Response, StreamResponse
from core.settings import (
    KIB,
    LOCAL,
    MIB,
    Cache,
    Certificate,
    CronSettings,
    Culture,
    Docs,
    Host,
    Http,
    Https,
    Limits,
    Log,
    Metrics,
    Mongo,
    Overload,
    RateLimit,
    Secret,
    ServerSettings,
    Timeouts,
    env,
)

# fmt: off
__all__ = [
    "Action", "All", "AppContext", "BadGateway", "BadRequest", "Body", "Breaker", "CIDR", "CIDRv4", "CIDRv6", "Cache",
    "CachedValue", "CatenaError", "Certificate", "Collection", "ConfigError", "Conflict", "Context", "Controller",
    "Cors", "CronError", "CronSettings", "Culture", "DeleteMany", "DeleteOne", "Docs", "DuplicateKey", "Email",
    "ErrorItem", "EtagMismatch", "FileResponse", "Finish", "Forbidden", "GatewayTimeout", "Gone", "HTTPError",
    "HeadersTooLarge", "Host", "Http", "Https", "IP", "IPv4", "IPv6", "Index", "InsertOne", "InternalServerError",
    "Job", "JobStopped", "KIB", "LOCAL", "LeaseLost", "Lib", "Limits", "LoadError", "Log", "MIB", "MethodNotAllowed",
    "Metrics", "Misdirected", "Model", "ModelError", "Mongo", "NotConnected", "NotFound", "NotSupported", "ObjectId",
    "Overload", "Params", "Path", "PayloadTooLarge", "PreconditionFailed", "Project", "RateLimit", "Redirect",
    "ReplaceOne", "Reply", "Response", "Route", "Routes", "SafeInt", "Schedule", "Secret", "ServerSettings", "Settings",
    "StoreError", "Stream", "StreamResponse", "Timeouts", "Timestamp", "TooManyRequests", "Translations",
    "Unauthorized", "Unavailable", "UnsupportedMediaType", "UpdateMany", "UpdateOne", "Upload", "Upstream",
    "UriTooLong", "Use", "WireCode", "WriteResult", "command", "create_app", "cron", "env", "error_response", "factory",
    "given", "init", "json_response", "now", "rule", "use",
]
# fmt: on
