export { byteSourceSymbol } from './response/byte-source.ts'
export type { ByteSink, ByteSinkListener, ByteSource, SharedBytes } from './response/byte-source.ts'
export { createContext, metadataKey } from './request/context.ts'
export type { MetadataKey, RequestContext, RequestFacts, RouteContext } from './request/context.ts'
export { cors } from './middleware/cors.ts'
export type { CorsOptions } from './middleware/cors.ts'
export { HttpError, isHttpError } from './errors/http-error.ts'
export type { HttpErrorOptions } from './errors/http-error.ts'
export { OptionError } from './errors/option-error.ts'
export { RouteError } from './errors/route-error.ts'
export type { RouteErrorCode } from './errors/route-error.ts'
export { TimeoutError } from './errors/timeout-error.ts'
export { bytesResponse, jsonResponse, textResponse } from './response/light-response.ts'
export type { LogEvent, LogFields, Logger } from './logger.ts'
export type { Handler, Middleware, Stage, StagedMiddleware } from './middleware/middleware.ts'
export { decoded, int, oneOf, raw } from './routing/param-codec.ts'
export type { ParamCodec } from './routing/param-codec.ts'
export type { ProxyEndpoint, ProxyHeader } from './request/proxy-header.ts'
export { withPrinting } from './response/print-response.ts'
export type { RequestHead, RequestHeadHook } from './middleware/request-head.ts'
export type { ResponseHead } from './response/response-head.ts'
export { route } from './routing/route.ts'
export type { ParamCodecs, ParamNames, Route, RouteParams } from './routing/route.ts'
export { createRouter } from './routing/router.ts'
export type {
  AddRoute,
  HeadHook,
  RegisteredRoute,
  RouteOptions,
  Router,
  RouterOptions,
} from './routing/router-types.ts'
export type { Runtime } from './runtime.ts'
export { isErrorStatus, isSuccessful, reasonPhrase } from './response/status.ts'
export { withTimeout } from './with-timeout.ts'
export { writerResponse } from './response/writer-response.ts'
export type { BodyWriter } from './response/writer-response.ts'
