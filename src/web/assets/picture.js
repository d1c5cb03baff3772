// Draws the picture of a replay on a canvas, and hands it over as PNG. Its file is asked for from this service: no other source of pictures is allowed.
const scale = 2

export function offerPng(link) {
  link.hidden = false
  link.addEventListener('click', async (event) => {
    event.preventDefault()
    const picture = new Image()
    picture.src = link.href
    await picture.decode()
    const canvas = document.createElement('canvas')
    canvas.width = picture.naturalWidth * scale
    canvas.height = picture.naturalHeight * scale
    canvas.getContext('2d').drawImage(picture, 0, 0, canvas.width, canvas.height)
    const png = await new Promise((done) => canvas.toBlob(done, 'image/png'))
    const handed = document.createElement('a')
    handed.href = URL.createObjectURL(png)
    const asked = new URL(link.href).searchParams
    handed.download = `replay-${asked.get('clock')}-${asked.get('at').slice(0, 10)}.png`
    handed.click()
    setTimeout(() => URL.revokeObjectURL(handed.href), 60_000)
  })
}

/** Links that name the moment shown follow it as the playhead moves: they take over what the link to the moment says. */
export function followMoment(toMoment, links) {
  const follow = () => {
    const { search } = new URL(toMoment.href)
    for (const link of links) link.search = search
  }
  new MutationObserver(follow).observe(toMoment, { attributes: true, attributeFilter: ['href'] })
}
