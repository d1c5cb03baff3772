// Everything works without this file; it only saves page loads.
import { Button, ErrorSummary, SkipLink, createAll } from 'govuk-frontend'
import { Alert } from '@ministryofjustice/frontend/moj/components/alert/alert.mjs'
import { follow } from './follow.js'
import { followMoment, offerPng } from './picture.js'
import { recordedOnce } from './recorded-once.js'
import { draftSent, registerDraft } from './register-draft.js'
import { replay } from './replay.js'
import { untilDone } from './until-done.js'
import { watch } from './watch.js'

document.body.classList.add('js-enabled', 'govuk-frontend-supported')
for (const component of [Button, ErrorSummary, SkipLink, Alert]) createAll(component)
for (const element of document.querySelectorAll('[data-module="tl-replay"]')) void replay(element)
for (const element of document.querySelectorAll('[data-live]')) follow(element)
for (const element of document.querySelectorAll('[data-recorded-once]')) recordedOnce(element)
for (const element of document.querySelectorAll('[data-register-draft]')) void registerDraft(element)
for (const element of document.querySelectorAll('[data-draft-sent]')) draftSent(element)
for (const element of document.querySelectorAll('[data-watch]')) watch(element)
for (const element of document.querySelectorAll('[data-until-done]')) untilDone(element)
for (const link of document.querySelectorAll('[data-png]')) offerPng(link)
for (const link of document.querySelectorAll('#tl-link'))
  followMoment(link, document.querySelectorAll('[data-at-moment]'))
