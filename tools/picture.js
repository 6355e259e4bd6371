// Draws the page that a browser shows as SVG: what it laid out, as boxes, lines, drawings and words.
async () => {
  const width = innerWidth, height = innerHeight
  const parts = []
  let clips = 0
  const escaped = (text) => text.replace(/[&<>"]/g, (each) => `&#${each.charCodeAt(0)};`)
  const short = (number) => String(Math.round(number * 10) / 10)
  const seen = (color) => color && color !== 'transparent' && !/, 0\)$/.test(color)
  const within = (box) => box.width > 0 && box.height > 0 && box.right > 0 && box.bottom > 0 && box.left < width && box.top < height

  const loaded = {}
  const load = async (address) => {
    if (address.startsWith('data:image/svg+xml')) return address
    if (!(address in loaded)) {
      const answer = await fetch(address)
      const text = await answer.text()
      loaded[address] = text.includes('<svg') ? 'data:image/svg+xml,' + encodeURIComponent(text.replace(/<\?xml.*?\?>|<!--[^]*?-->/g, '').trim()) : null
    }
    return loaded[address]
  }

  const box = (rect, style) => {
    const at = `x="${short(rect.left)}" y="${short(rect.top)}" width="${short(rect.width)}" height="${short(rect.height)}"`
    const radius = parseFloat(style.borderTopLeftRadius) || 0
    const even = new Set(['Top', 'Right', 'Bottom', 'Left'].map((side) => style[`border${side}Width`] + style[`border${side}Style`] + style[`border${side}Color`])).size === 1
    const line = parseFloat(style.borderTopWidth)
    const framed = even && line > 0 && style.borderTopStyle !== 'none' && seen(style.borderTopColor)
    if (seen(style.backgroundColor) || framed) {
      const fill = seen(style.backgroundColor) ? style.backgroundColor : 'none'
      parts.push(`<rect ${at}${radius ? ` rx="${short(Math.min(radius, rect.height / 2))}"` : ''} fill="${fill}"${framed ? ` stroke="${style.borderTopColor}" stroke-width="${short(line)}"` : ''}/>`)
    }
    if (even) return
    const ends = { Top: [rect.left, rect.top, rect.right, rect.top], Right: [rect.right, rect.top, rect.right, rect.bottom], Bottom: [rect.left, rect.bottom, rect.right, rect.bottom], Left: [rect.left, rect.top, rect.left, rect.bottom] }
    for (const [side, [x1, y1, x2, y2]] of Object.entries(ends)) {
      const wide = parseFloat(style[`border${side}Width`])
      if (wide > 0 && style[`border${side}Style`] !== 'none' && seen(style[`border${side}Color`])) {
        parts.push(`<path d="M${short(x1)} ${short(y1)}L${short(x2)} ${short(y2)}" stroke="${style[`border${side}Color`]}" stroke-width="${short(wide)}"/>`)
      }
    }
  }

  const words = (text, rect, style, exact = true) => {
    const family = /mono|courier/i.test(style.fontFamily) ? 'monospace' : 'sans-serif'
    const size = parseFloat(style.fontSize)
    const base = rect.top + rect.height / 2 + size * 0.35
    const weight = Number(style.fontWeight) > 500 ? ' font-weight="bold"' : ''
    const measured = exact ? ` textLength="${short(rect.width)}" lengthAdjust="spacingAndGlyphs"` : ''
    parts.push(`<text x="${short(rect.left)}" y="${short(base)}" font-size="${short(size)}" font-family="${family}"${weight} fill="${style.color}"${measured}>${escaped(text)}</text>`)
  }

  const lines = (node, style) => {
    const range = document.createRange()
    let line = null
    const finish = () => line && line.text.trim() && within(line.rect) && words(line.text.trim(), line.rect, style)
    for (const word of node.data.matchAll(/\S+/g)) {
      if (/^[\ue000-\uf8ff]+$/.test(word[0])) continue
      range.setStart(node, word.index)
      range.setEnd(node, word.index + word[0].length)
      const rect = range.getBoundingClientRect()
      if (line && Math.abs(line.rect.top - rect.top) < 2) {
        line = { text: `${line.text} ${word[0]}`, rect: new DOMRect(line.rect.left, line.rect.top, rect.right - line.rect.left, rect.height) }
      } else {
        finish()
        line = { text: word[0], rect }
      }
    }
    finish()
  }

  const PAINT = ['fill', 'fill-opacity', 'stroke', 'stroke-width', 'stroke-opacity', 'stroke-dasharray', 'opacity', 'font-size', 'text-anchor', 'dominant-baseline']
  const drawing = async (element) => {
    const style = getComputedStyle(element)
    if (style.display === 'none' || style.visibility === 'hidden' || style.opacity === '0' || ['defs', 'title', 'style'].includes(element.tagName)) return ''
    const rect = element.getBoundingClientRect()
    if (element.tagName !== 'g' && element.tagName !== 'svg' && !within(rect) && !rect.width && !rect.height) return ''
    if (element.tagName !== 'svg' && (rect.left > width || rect.top > height || rect.right < 0 || rect.bottom < 0)) return ''
    const kept = []
    for (const { name, value } of element.attributes) {
      if (/^(d|x|y|x1|x2|y1|y2|cx|cy|r|rx|ry|dx|dy|width|height|points|transform|viewBox|preserveAspectRatio)$/.test(name)) kept.push(`${name}="${escaped(value.replace(/(\.\d)\d+/g, '$1'))}"`)
    }
    if (element.tagName === 'image') {
      const data = await load(element.href.baseVal)
      return data ? `<image ${kept.join(' ')} href="${escaped(data)}"${style.opacity === '1' ? '' : ` opacity="${style.opacity}"`}/>` : ''
    }
    if (element.tagName !== 'g' && element.tagName !== 'svg') {
      for (const name of PAINT) {
        const value = style.getPropertyValue(name)
        const usual = { 'fill-opacity': '1', 'stroke-opacity': '1', opacity: '1', 'stroke-dasharray': 'none', stroke: 'none', 'text-anchor': 'start', 'dominant-baseline': 'auto', 'stroke-width': style.stroke === 'none' ? value : '', 'font-size': element.tagName === 'text' ? '' : value }
        if (value !== usual[name]) kept.push(`${name}="${escaped(value)}"`)
      }
      if (element.tagName === 'text') kept.push('font-family="sans-serif"')
    } else if (style.opacity !== '1') kept.push(`opacity="${style.opacity}"`)
    let inside = element.tagName === 'text' && !element.children.length ? escaped(element.textContent.replace(/[\ue000-\uf8ff]/g, '')) : ''
    for (const child of element.children) inside += await drawing(child)
    if (element.tagName === 'g' && !inside) return ''
    return `<${element.tagName} ${kept.join(' ')}>${inside}</${element.tagName}>`
  }

  const draw = async (element) => {
    const style = getComputedStyle(element)
    if (style.display === 'none' || style.opacity === '0' || ['SCRIPT', 'STYLE', 'NOSCRIPT', 'TEMPLATE'].includes(element.tagName)) return
    const rect = element.getBoundingClientRect()
    const shown = style.visibility !== 'hidden' && within(rect)
    if (shown && element.tagName.toLowerCase() === 'svg') {
      const inside = (await Promise.all([...element.children].map(drawing))).join('')
      const view = element.getAttribute('viewBox')
      parts.push(`<svg x="${short(rect.left)}" y="${short(rect.top)}" width="${short(rect.width)}" height="${short(rect.height)}"${view ? ` viewBox="${view}"` : ''}>${inside}</svg>`)
      return
    }
    const masked = style.maskImage && style.maskImage !== 'none'
    if (shown && !masked) box(rect, style)
    const picture = shown && !masked && /^url\("(.*)"\)$/.exec(style.backgroundImage)
    if (picture) {
      const data = await load(picture[1])
      if (data) parts.push(`<image x="${short(rect.left)}" y="${short(rect.top)}" width="${short(rect.width)}" height="${short(rect.height)}" href="${escaped(data)}"/>`)
    }
    if (shown && element.tagName === 'IMG') {
      const data = await load(element.src)
      if (data) parts.push(`<image x="${short(rect.left)}" y="${short(rect.top)}" width="${short(rect.width)}" height="${short(rect.height)}" href="${escaped(data)}"/>`)
    }
    const clipped = within(rect) && style.overflow !== 'visible' && element.scrollHeight + element.scrollWidth > element.clientHeight + element.clientWidth + 2
    if (!within(rect) && style.overflow !== 'visible' && element !== document.body) return
    if (clipped) {
      clips += 1
      parts.push(`<clipPath id="c${clips}"><rect x="${short(rect.left)}" y="${short(rect.top)}" width="${short(rect.width)}" height="${short(rect.height)}"/></clipPath><g clip-path="url(#c${clips})">`)
    }
    const said = element.tagName === 'INPUT' && element.type !== 'password' && (element.value || element.placeholder)
    if (shown && said) words(said, new DOMRect(rect.left + 8, rect.top, rect.width, rect.height), style, false)
    for (const child of element.childNodes) {
      if (child.nodeType === 3 && style.visibility !== 'hidden') lines(child, style)
      if (child.nodeType === 1) await draw(child)
    }
    if (clipped) parts.push('</g>')
  }

  await draw(document.body)
  const ground = getComputedStyle(document.documentElement).backgroundColor
  const bottom = seen(ground) ? ground : 'white'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">\n<rect width="${width}" height="${height}" fill="${bottom}"/>\n${parts.join('\n')}\n</svg>\n`
}
