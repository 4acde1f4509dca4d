#!/usr/bin/env node
import '../dist/node/sse.js'
