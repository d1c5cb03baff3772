console.log('Throughline')
